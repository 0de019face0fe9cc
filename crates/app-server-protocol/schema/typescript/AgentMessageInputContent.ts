// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A part of a message from one agent to another.
 */
export type AgentMessageInputContent = { "type": "input_text", text: string, } | { "type": "encrypted_content", encrypted_content: string, };
