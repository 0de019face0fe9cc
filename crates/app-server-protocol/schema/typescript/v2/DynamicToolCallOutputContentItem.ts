// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A part of what a client's tool returned.
 */
export type DynamicToolCallOutputContentItem = { "type": "inputText", text: string, } | { "type": "inputImage", imageUrl: string, } | { "type": "inputAudio", audioUrl: string, };
