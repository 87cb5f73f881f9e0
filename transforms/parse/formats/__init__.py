"""One module a wire format, each with a `FORMAT`; whatever lies in this folder is a format (see `parse.base`)."""
