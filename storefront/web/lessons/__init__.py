"""Lessons: what goes wrong in many shops, done to this one at the press of a button.

Beside the sandbox only. `table` has the lessons and their words, `plays` what each button does, `doors` the browsers that
do it, as the outside world would, and `page` shows it.
"""

from storefront.web.lessons.page import blueprint

__all__ = ["blueprint"]
