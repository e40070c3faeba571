"""Speed, as ratios against what a user would otherwise write, measured in one run."""
