"""N: samples that each way of training needs."""
