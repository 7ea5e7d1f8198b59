// library/onto_model: whether what is let go on an asset can be a version of it. No DOM.

// As the house tells frames (formats/sequence): a number before a picture's ending, unless it is a version's ("_v002").
const FRAME = /^(.*?)(\d{1,12})(\.(?:exr|dpx|cin|tiff?|png|jpe?g|jp2|j2k|tga|bmp|dng|ari|arx))$/i;
const VERSION = /(?:^|[_\-. ])v$/i;

// One file, or pictures that are told apart by a number alone. Folders and heaps are assets.
export function one_thing(paths: readonly string[]): boolean {
  const [first, ...rest] = paths;
  if (first === undefined) return false;
  if (!rest.length) return !first.includes("/");
  const around = (path: string): string | null => {
    const slash = path.lastIndexOf("/") + 1, [, before = "", , after = ""] = FRAME.exec(path.slice(slash)) ?? [];
    return after && !VERSION.test(before) ? [path.slice(0, slash), before, after].join("/") : null;
  };
  const same = around(first);
  return same !== null && rest.every((p) => around(p) === same);
}
