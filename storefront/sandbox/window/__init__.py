"""The window: what the browser SDK opens, what a buyer sees and presses, and how the page is told of the end."""
