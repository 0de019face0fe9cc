// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How much of a turn's items is included: `notLoaded` none, `summary` the last answer, `full` all.
 */
export type TurnItemsView = "notLoaded" | "summary" | "full";
