/**
 * Jobs whose last change no client was told of, so that nothing is promised about it: `pending`, a client still asks ·
 * `lost`, it has given up, and the next fire that is answered makes it good.
 */
export type Unpromised = Map<string, 'pending' | 'lost'>
