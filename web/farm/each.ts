// farm/each: something for each of many, a few at a time.
import { problem_of } from "../app/api";

const AT_ONCE = 4;

// Runs over the list a few at a time; answers those that were refused, with why.
export async function each<T>(list: readonly T[], order: (one: T) => Promise<void>): Promise<{ one: T; why: string }[]> {
  const refused: { one: T; why: string }[] = [];
  let next = 0;
  const go = async () => {
    for (let one; (one = list[next++]) !== undefined; )
      try {
        await order(one);
      } catch (e) {
        const p = problem_of(e);
        refused.push({ one, why: p.detail || p.title });
      }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, go));
  return refused;
}
