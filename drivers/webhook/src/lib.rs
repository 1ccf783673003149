//! Standard Webhooks, the sending side: posts that are signed, to endpoints that may be slow, broken or not what they seem.
