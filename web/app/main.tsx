import "../style/page.css";
import { render } from "preact";
import { Root } from "./shell";

const at = document.getElementById("page");
if (at) render(<Root />, at);
