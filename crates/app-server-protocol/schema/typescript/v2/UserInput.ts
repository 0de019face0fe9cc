// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ImageDetail } from "../ImageDetail";
import type { TextElement } from "./TextElement";

/**
 * One part of what the user gives to a turn.
 */
export type UserInput = { "type": "text", text: string, 
/**
 * Stretches the client showed as something special.
 */
text_elements: Array<TextElement>, } | { "type": "image", 
/**
 * Null: the model's default.
 */
detail: ImageDetail | null, } & ({ url: string, } | { fileId: string, }) | { "type": "localImage", path: string, 
/**
 * Null: the model's default.
 */
detail: ImageDetail | null, } | { "type": "audio", } & ({ url: string, } | { fileId: string, }) | { "type": "localAudio", path: string, } | { "type": "skill", name: string, 
/**
 * Absolute path of its SKILL.md.
 */
path: string, } | { "type": "mention", name: string, path: string, };
