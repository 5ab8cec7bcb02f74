"""Projects: folders of the user, what of them is sent, and how it gets to a machine."""
