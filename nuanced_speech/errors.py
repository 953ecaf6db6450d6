"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """Something the user can put right: one line that says what was wrong and what to do.

    The command line prints it without a traceback and exits with status 1.
    """
