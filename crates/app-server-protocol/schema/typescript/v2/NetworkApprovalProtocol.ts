// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a host is reached.
 */
export type NetworkApprovalProtocol = "http" | "https" | "socks5Tcp" | "socks5Udp";
