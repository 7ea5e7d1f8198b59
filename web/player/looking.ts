/*
 * The player's word to all tabs of this browser, its own too, that somebody looks for a frame now.
 */
export const looking = (): BroadcastChannel => new BroadcastChannel('posthouse.looking');
