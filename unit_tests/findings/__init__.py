"""What independent attacks on an early build found, each as a user sees it in the merged copy."""
