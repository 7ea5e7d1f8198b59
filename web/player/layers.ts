// Layers of OpenEXR, as people read them.
import type { ExrFact, ExrLayer } from 'api-types';

export function layerName(exr: ExrFact, layer: ExrLayer): string {
  const words = layer.key.slice(layer.key.indexOf(':') + 1);
  const own = words === '*' ? layer.channels.filter((c) => c !== 'A').join(' ') : words.replace(/\.\*$/, '');
  const part = exr.parts[layer.part];
  return exr.parts.length > 1 ? `${part?.name || `part ${layer.part + 1}`}: ${own}` : own;
}

export const found = (exr: ExrFact, words: string): ExrLayer[] =>
  exr.layers.filter((l) => layerName(exr, l).toLowerCase().includes(words.trim().toLowerCase()));

// What is to be said of the part that a layer lies in, in a line.
export function partFacts(exr: ExrFact, layer: ExrLayer): string {
  const part = exr.parts[layer.part];
  if (!part) return '';
  const [x = 0, y = 0, w = 0, h = 0] = part.data;
  const [, , dw = 0, dh = 0] = part.display;
  return [`${part.storage}, ${part.compression}`, `data ${w} × ${h} at ${x}, ${y} in ${dw} × ${dh}`, part.overscan ? 'overscan is kept, not shown' : '',
    part.pixel_aspect === 1 ? '' : `pixels ${part.pixel_aspect.toFixed(3)} : 1`].filter(Boolean).join('; ');
}
