/*
 * Which key does what, for the page's own set and those of Avid, Premiere and Resolve. One table: a
 * person's own changes are laid over it (stored by the page as {action: [keys]}).
 *
 * A key is written as parts/keys writes chords: "Shift+ArrowLeft", "Alt+I", "/".
 */

export type Action =
  | 'play' | 'back' | 'stop' | 'forward' | 'stepBack' | 'stepForward' | 'secondBack' | 'secondForward' | 'first' | 'last'
  | 'markIn' | 'markOut' | 'clearIn' | 'clearOut' | 'goIn' | 'goOut' | 'loop' | 'comment' | 'nextComment' | 'previousComment'
  | 'olderVersion' | 'newerVersion' | 'full' | 'fit' | 'whole' | 'goto' | 'retry' | 'mute' | 'meters' | 'safe' | 'mask' | 'units' | 'captions' | 'captionEditor'
  | 'original' | 'scopes' | 'falseColour' | 'layers';

export type KeySet = 'posthouse' | 'avid' | 'premiere' | 'resolve';
export const KEY_SETS: { name: KeySet; title: string }[] = [
  { name: 'posthouse', title: 'Posthouse' }, { name: 'avid', title: 'Avid' },
  { name: 'premiere', title: 'Premiere' }, { name: 'resolve', title: 'Resolve' },
];

type Row = [Action, string, string[], Partial<Record<KeySet, string[]>>?];

export const KEYS: Row[] = [
  ['play', 'Play or stop', ['Space']],
  ['back', 'Backward; again: faster', ['J']],
  ['stop', 'Stop; held with J or L: step', ['K']],
  ['forward', 'Forward; again: faster', ['L']],
  ['stepBack', 'One frame back', ['ArrowLeft'], { avid: ['ArrowLeft', '3'] }],
  ['stepForward', 'One frame on', ['ArrowRight'], { avid: ['ArrowRight', '4'] }],
  ['secondBack', 'One second back', ['Shift+ArrowLeft'], { avid: ['Shift+ArrowLeft', '1'] }],
  ['secondForward', 'One second on', ['Shift+ArrowRight'], { avid: ['Shift+ArrowRight', '2'] }],
  ['first', 'First frame', ['Home']],
  ['last', 'Last frame', ['End']],
  ['markIn', 'Mark in', ['I'], { avid: ['I', 'E'] }],
  ['markOut', 'Mark out', ['O'], { avid: ['O', 'R'] }],
  ['clearIn', 'Clear in', ['Alt+I'], { avid: ['D'], premiere: ['Ctrl+Shift+I'] }],
  ['clearOut', 'Clear out', ['Alt+O'], { avid: ['F'], premiere: ['Ctrl+Shift+O'] }],
  ['goIn', 'Go to in', ['Q'], { premiere: ['Shift+I'], resolve: ['Shift+I'] }],
  ['goOut', 'Go to out', ['W'], { premiere: ['Shift+O'], resolve: ['Shift+O'] }],
  ['loop', 'Loop the range', ['/'], { premiere: ['Ctrl+L', '/'], resolve: ['Ctrl+/', '/'] }],
  ['comment', 'Write a comment', ['M']],
  ['nextComment', 'Next comment', ['N'], { premiere: ['Shift+M'], resolve: ['Shift+ArrowDown'] }],
  ['previousComment', 'Previous comment', ['P'], { premiere: ['Ctrl+Shift+M'], resolve: ['Shift+ArrowUp'] }],
  ['olderVersion', 'Version before; behind the first: the newest', ['V']],
  ['newerVersion', 'Version after', ['Shift+V']],
  ['full', 'Full screen', ['F'], { avid: ['Ctrl+Shift+F'], premiere: ['`'], resolve: ['Shift+F'] }],
  ['fit', 'Fit the picture', ['0'], { premiere: ['Shift+`', '0'], resolve: ['Shift+Z', '0'] }],
  ['whole', 'Picture 1:1', ['Z']],
  ['goto', 'Go to a timecode; + and - for an offset', ['=']],
  ['mute', 'Sound on or off', ['S']],
  ['meters', 'Meters and channels; Alt-1 to Alt-8: one alone', ['A']],
  ['safe', 'Safe areas', ['G']],
  ['mask', 'Aspect mask', ['H']],
  ['units', 'Timecode, frames or file number', ['T']],
  ['captions', 'Captions on or off', ['C']],
  ['captionEditor', 'Caption editor', ['Shift+C']],
  ['original', 'Original frame instead of the proxy', ['U']],
  ['scopes', 'Scopes: waveform, parade, vectorscope, histogram', ['X']],
  ['falseColour', 'False colour, luma in per cent', ['Shift+X']],
  ['layers', 'Layers of OpenEXR', ['Y']],
  ['retry', 'Try again what failed', ['R'], { avid: ['Shift+R'] }],
];

export function keysOf(row: Row, set: KeySet, own: Partial<Record<Action, string[]>> = {}): string[] {
  return own[row[0]] ?? row[3]?.[set] ?? row[2];
}
