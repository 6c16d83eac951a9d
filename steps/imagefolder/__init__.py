"""ImageFolder's steps."""
