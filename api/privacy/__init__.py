"""Personal data over the years: new keys for what is sealed, how long it is kept, erasing it."""
