/*
 * Byte ranges of one file over HTTP: retries on a bad line, asks for a new address when the signed one
 * has run out (401, 403, 404, 410), and never believes an answer that is not the range asked for.
 */

export class RangeRefused extends Error {}

export interface BytesDoor {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  wait: (ms: number) => Promise<void>;
  // Resolves when newer addresses were put in by `move`; rejects when none will come.
  renew: () => Promise<void>;
}

const TRIES = 4;

export class Bytes {
  constructor(private url: string, private door: BytesDoor) {}

  move(url: string): void {
    this.url = url;
  }

  // Bytes [from, to); fewer only where the file ends, none at its end.
  async get(from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      let answer: Response;
      try {
        const init: RequestInit = { headers: { Range: `bytes=${from}-${to - 1}` }, credentials: 'omit' };
        if (signal) init.signal = signal;
        answer = await this.door.fetch(this.url, init);
        if (answer.status === 206) return new Uint8Array(await answer.arrayBuffer());
        if (answer.status === 200) {
          // A server without ranges: acceptable for small files only.
          const all = new Uint8Array(await answer.arrayBuffer());
          return all.subarray(from, to);
        }
      } catch (e) {
        if (signal?.aborted || attempt >= TRIES) throw e;
        await this.door.wait(150 * 3 ** (attempt - 1));
        continue;
      }
      if (answer.status === 416) return new Uint8Array(0);
      if ([401, 403, 404, 410].includes(answer.status) && !renewed) {
        renewed = true;
        await this.door.renew();
        continue;
      }
      if (answer.status < 500 || attempt >= TRIES) {
        throw new RangeRefused(`the house answered ${answer.status} for bytes ${from} to ${to}`);
      }
      await this.door.wait(150 * 3 ** (attempt - 1));
    }
  }
}
