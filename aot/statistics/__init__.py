"""What numbers may claim: what an interval is over, tables of many ∂, and fits over them."""
