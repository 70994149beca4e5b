"""Plain text: names and values of sources, which a terminal shows and never obeys."""


def write_plainly(text: str) -> str:
    r"""Write a space for each character that is no text: a terminal may take it for a command.

    >>> write_plainly("Plan\x1b[31m\nred")
    'Plan [31m red'
    """
    return "".join(character if character.isprintable() else " " for character in text)
