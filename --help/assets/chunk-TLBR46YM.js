var e="/assets/views-LL7D6RJE.css";export{e as a};
