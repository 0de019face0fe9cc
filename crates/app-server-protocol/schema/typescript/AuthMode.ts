// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How requests to the model are authorised. This server knows `apikey`, `chatgpt` (tokens it keeps and
 * refreshes) and `chatgptAuthTokens` (tokens the client brings and refreshes).
 */
export type AuthMode = "apikey" | "chatgpt" | "chatgptAuthTokens" | "headers" | "agentIdentity" | "personalAccessToken" | "bedrockApiKey" | "bedrockAccessKeys";
