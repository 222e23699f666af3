"""What other services deliver to the bot, one module each: verify and parse, never act."""
