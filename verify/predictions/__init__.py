"""What theory predicts at finite width, sample and dimension."""
