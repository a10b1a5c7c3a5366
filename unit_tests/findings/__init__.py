"""What independent attacks on 1.0.0 found: each defect as a user sees it in the merged copy."""
