// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether a message accompanies the work (`commentary`), is a part of the answer or the whole of it. Null
 * when the model does not say.
 */
export type MessagePhase = "commentary" | "partial_answer" | "final_answer";
