"""What steers other actions or the run: wrappers, errors, checkpoints, refused code."""
