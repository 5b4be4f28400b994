"""What numbers may claim: tables of many ∂, fits over them. ∂ and its interval: metrics/arrow_of_time/gap.py."""
