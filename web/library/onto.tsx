// library/onto: files that are let go on an asset: its next version, or an asset of their own. Loaded when it happens.
import type { Asset } from "api-types";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { plural } from "../parts/format";
import type { Found } from "../transfer/upload";
import { one_thing } from "./onto_model";

export { one_thing };

// null: neither.
export function ask_onto(asset: Asset, found: readonly Found[], folder: string): Promise<"version" | "asset" | null> {
  const path = found[0]?.path ?? "";
  const what = found.length > 1 ? `${plural(found.length, "picture")} of a sequence, from ${path.slice(path.lastIndexOf("/") + 1)} on` : path;
  return new Promise((answer) => {
    open_dialog((close) => {
      const say = (to: "version" | "asset" | null) => () => { close(); answer(to); };
      return (
        <Dialog
          title={`Bring in ${what}`}
          close={say(null)}
          footer={
            <>
              <Button run={say(null)}>Cancel</Button>
              <Button run={say("asset")}>A new asset here</Button>
              <button type="button" autofocus class="button primary onto" title={`Next version of ${asset.name}`} onClick={say("version")}>
                <span class="cut">Next version of {asset.name}</span>
              </button>
            </>
          }
        >
          <p>You let it go on <b>{asset.name}</b>, which has {plural(asset.versions, "version")}. As version {asset.versions + 1} it is what everybody sees from then on; what was there before stays, with its comments.</p>
          <p class="quiet">A new asset comes into {folder}, beside it.</p>
        </Dialog>
      );
    });
  });
}
