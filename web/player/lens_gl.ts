/*
 * table.ts on the graphics card: a picture of code values, of light, or of a canvas, through a table, into one canvas.
 * Everything is fetched by its place, nothing is mixed by the card itself, so that every card gives the same picture.
 */
import type { Samples } from './scopes_math';
import { scaling, type Plain, type Table } from './table';

const CORNERS = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

const ROW = 1024; // entries of a table in a row of its texture
const PIXEL = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;
precision highp sampler3D;
uniform usampler2D codes;
uniform sampler2D floats;
uniform sampler2D axis;
uniform sampler3D cube;
uniform int kind; // 0 codes, 1 light, 2 of a canvas
uniform bool ycbcr, grey, light, seen_through;
uniform vec4 scale; // zero, one, of chroma zero, one
uniform vec2 k; // kr, kb
uniform int size1, size3, height;
uniform vec3 low1, high1, low3, high3;
out vec4 seen;
vec3 held(vec3 v, float most) { return vec3(v.x > 0.0 ? min(v.x, most) : 0.0, v.y > 0.0 ? min(v.y, most) : 0.0, v.z > 0.0 ? min(v.z, most) : 0.0); }
float entry(int i, int c) { return texelFetch(axis, ivec2(i % ${ROW}, i / ${ROW}), 0)[c]; }
vec3 own(ivec2 at) {
  if (kind == 2) return texelFetch(floats, at, 0).rgb;
  if (kind == 1) { vec3 f = texelFetch(floats, at, 0).rgb; return grey ? f.rrr : f; }
  vec3 code = vec3(texelFetch(codes, at, 0).rgb);
  if (grey) code = code.rrr;
  if (!ycbcr) return held(scale.x + code * scale.y, 1.0);
  float y = scale.x + code.x * scale.y, cb = scale.z + code.y * scale.w, cr = scale.z + code.z * scale.w;
  float r = y + 2.0 * (1.0 - k.x) * cr, b = y + 2.0 * (1.0 - k.y) * cb;
  return held(vec3(r, (y - k.x * r - k.y * b) / (1.0 - k.x - k.y), b), 1.0);
}
vec3 of_cube(vec3 v) {
  float most = float(size3 - 1);
  vec3 p = held((v - low3) / (high3 - low3) * most, most);
  ivec3 i = min(ivec3(p), ivec3(size3 - 2));
  vec3 d = p - vec3(i);
  // The corner first gone to is that of the largest part, the last edge is the smallest's.
  ivec3 first = d.x >= d.y ? (d.x >= d.z ? ivec3(1, 0, 0) : ivec3(0, 0, 1)) : (d.y >= d.z ? ivec3(0, 1, 0) : ivec3(0, 0, 1));
  ivec3 last = d.x < d.y ? (d.x < d.z ? ivec3(1, 0, 0) : ivec3(0, 0, 1)) : (d.y < d.z ? ivec3(0, 1, 0) : ivec3(0, 0, 1));
  float high = max(d.x, max(d.y, d.z)), low = min(d.x, min(d.y, d.z)), middle = d.x + d.y + d.z - high - low;
  return texelFetch(cube, i, 0).rgb * (1.0 - high) + texelFetch(cube, i + first, 0).rgb * (high - middle) +
    texelFetch(cube, i + ivec3(1) - last, 0).rgb * (middle - low) + texelFetch(cube, i + ivec3(1), 0).rgb * low;
}
void main() {
  vec3 v = own(ivec2(int(gl_FragCoord.x), height - 1 - int(gl_FragCoord.y)));
  if (seen_through) {
    if (light) v = held((log2(held(v, 1e9) + exp2(-12.0)) + 12.0) / 20.0, 1.0);
    if (size1 > 0) {
      vec3 p = held((v - low1) / (high1 - low1) * float(size1 - 1), float(size1 - 1));
      for (int c = 0; c < 3; c++) {
        int i = min(int(p[c]), size1 - 2);
        float a = entry(i, c);
        v[c] = a + (p[c] - float(i)) * (entry(i + 1, c) - a);
      }
    }
    if (size3 > 0) v = of_cube(v);
  } else if (kind == 1) {
    v = held(v, 1.0);
    v = mix(4.5 * v, 1.099 * pow(v, vec3(0.45)) - 0.099, step(0.018, v));
  }
  seen = vec4(held(v, 1.0), 1.0);
}`;

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const renderer = (gl: WebGL2RenderingContext): string => {
  const more = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
};

type Seen = Plain | HTMLCanvasElement;
type Texture = WebGLTexture | null;
interface Tables { axis: Texture; cube: Texture }
const BYTES: Samples = { width: 0, height: 0, channels: 3, type: 'u16', bits: 8, space: 'rgb', matrix: 'bt709', full: true, step: 1, scopes_width: 0, scopes_height: 0 };

export class Painter {
  readonly canvas: HTMLCanvasElement;
  private made = new Map<Table, Tables>();
  private held: { of: Plain | null; at: Texture } | null = null; // of a canvas: null
  private lost = false;
  private places = new Map<string, WebGLUniformLocation | null>();

  private constructor(private gl: WebGL2RenderingContext, private program: WebGLProgram, private none: Texture[], canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    canvas.addEventListener('webglcontextlost', () => { this.lost = true; });
  }

  // null: this browser or machine does not do it, or no faster than by itself.
  static open(in_software = false): Painter | null {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: !in_software });
    // Chromium with SwiftShader does not call that a caveat, and takes a second for what plain loops do in an eye's blink.
    if (gl && !in_software && SOFTWARE.test(renderer(gl))) {
      gl.getExtension('WEBGL_lose_context')?.loseContext();
      return null;
    }
    const program = gl?.createProgram();
    if (!gl || !program) return null;
    for (const [type, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, PIXEL]] as const) {
      const shader = gl.createShader(type);
      if (!shader) return null;
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    ['codes', 'floats', 'axis', 'cube'].forEach((name, i) => gl.uniform1i(gl.getUniformLocation(program, name), i));
    const none = [gl.TEXTURE_2D, gl.TEXTURE_2D, gl.TEXTURE_2D, gl.TEXTURE_3D].map((kind, i) => {
      const at = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(kind, at);
      for (const what of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(kind, what, gl.NEAREST);
      if (i === 0) gl.texImage2D(kind, 0, gl.R16UI, 1, 1, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, new Uint16Array(1));
      else if (i < 3) gl.texImage2D(kind, 0, gl.R32F, 1, 1, 0, gl.RED, gl.FLOAT, new Float32Array(1));
      else gl.texImage3D(kind, 0, gl.R32F, 1, 1, 1, 0, gl.RED, gl.FLOAT, new Float32Array(1));
      return at;
    });
    return new Painter(gl, program, none, canvas);
  }

  private place(name: string): WebGLUniformLocation | null {
    let at = this.places.get(name);
    if (at === undefined) this.places.set(name, at = this.gl.getUniformLocation(this.program, name));
    return at;
  }

  private texture(unit: number, kind: number): Texture {
    const { gl } = this;
    const at = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(kind, at);
    for (const what of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(kind, what, gl.NEAREST);
    return at;
  }

  // The table on the card, before it is needed.
  ready(t: Table): Tables {
    const { gl } = this;
    const had = this.made.get(t);
    if (had) return had;
    const axis = t.size1 ? this.texture(2, gl.TEXTURE_2D) : this.none[2] ?? null;
    if (t.size1) {
      const rows = Math.ceil(t.size1 / ROW), width = Math.min(ROW, t.size1);
      const room = new Float32Array(rows * width * 3);
      room.set(t.at1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB32F, width, rows, 0, gl.RGB, gl.FLOAT, room);
    }
    const cube = t.size3 ? this.texture(3, gl.TEXTURE_3D) : this.none[3] ?? null;
    if (t.size3) gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGB32F, t.size3, t.size3, t.size3, 0, gl.RGB, gl.FLOAT, t.at3);
    const made = { axis, cube };
    this.made.set(t, made);
    return made;
  }

  // The frame on the card, before it is needed.
  bring(of: Seen): { unit: number; kind: number; grey: boolean } {
    const { gl } = this;
    if (!('said' in of)) {
      this.forget();
      const at = this.texture(1, gl.TEXTURE_2D);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, of);
      this.held = { of: null, at };
      return { unit: 1, kind: 2, grey: false };
    }
    const { width, height, channels, type } = of.said;
    const unit = type === 'u16' ? 0 : 1, grey = channels === 1;
    if (this.held?.of !== of) {
      this.forget();
      const at = this.texture(unit, gl.TEXTURE_2D);
      if (type === 'u16') gl.texImage2D(gl.TEXTURE_2D, 0, grey ? gl.R16UI : gl.RGB16UI, width, height, 0, grey ? gl.RED_INTEGER : gl.RGB_INTEGER, gl.UNSIGNED_SHORT, of.data);
      else gl.texImage2D(gl.TEXTURE_2D, 0, grey ? gl.R32F : gl.RGB32F, width, height, 0, grey ? gl.RED : gl.RGB, gl.FLOAT, of.data);
      this.held = { of, at };
    }
    return { unit, kind: type === 'u16' ? 0 : 1, grey };
  }

  private forget(): void {
    if (this.held) this.gl.deleteTexture(this.held.at);
    this.held = null;
  }

  // False: the card gave up.
  paint(of: Seen, t: Table | null): boolean {
    const { gl, canvas } = this;
    if (this.lost || gl.isContextLost()) return false;
    const [width, height] = 'said' in of ? [of.said.width, of.said.height] : [of.width, of.height];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const { unit, kind, grey } = this.bring(of);
    const tables = t ? this.ready(t) : { axis: this.none[2] ?? null, cube: this.none[3] ?? null };
    const bound = [this.none[0], this.none[1], tables.axis, tables.cube];
    bound[unit] = this.held?.at ?? null;
    bound.forEach((at, i) => {
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(i === 3 ? gl.TEXTURE_3D : gl.TEXTURE_2D, at ?? null);
    });
    const s = scaling('said' in of ? of.said : BYTES);
    const set = (name: string, n: number): void => gl.uniform1i(this.place(name), n);
    set('kind', kind);
    set('ycbcr', 'said' in of && of.said.space === 'ycbcr' ? 1 : 0);
    set('grey', grey ? 1 : 0);
    set('light', t?.light ? 1 : 0);
    set('seen_through', t ? 1 : 0);
    set('size1', t?.size1 ?? 0);
    set('size3', t?.size3 ?? 0);
    set('height', height);
    gl.uniform4f(this.place('scale'), s.zero, s.one, s.chroma_zero, s.chroma_one);
    gl.uniform2f(this.place('k'), s.kr, s.kb);
    for (const [name, v] of [['low1', t?.low1], ['high1', t?.high1], ['low3', t?.low3], ['high3', t?.high3]] as const) gl.uniform3fv(this.place(name), v ?? [0, 0, 0]);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return true;
  }

  close(): void {
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }
}
