// What of looking closely is wanted (closer.tsx).
export interface Closer {
  original: boolean;
  layer: string | null;
  picking: boolean;
  scopes: boolean;
  false_colour: boolean;
  of_file: boolean; // scopes of the file's own values where they are there; else of what is seen
}
export const NOTHING: Closer = { original: false, layer: null, picking: false, scopes: false, false_colour: false, of_file: true };
export const any = (c: Closer): boolean => c.original || c.layer !== null || c.picking || c.scopes || c.false_colour;
