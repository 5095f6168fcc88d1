"""微信公众号: a second channel on the same intake, in and out."""
