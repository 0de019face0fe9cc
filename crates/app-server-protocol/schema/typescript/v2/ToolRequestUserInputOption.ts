// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * One of the answers offered.
 */
export type ToolRequestUserInputOption = { description: string, label: string, };
