"""The grammar of the language and the message of each parser state."""
