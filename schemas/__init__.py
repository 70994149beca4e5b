"""What a valid thing is: limits, codes, phone numbers, the endpoint model, issues and outcomes.

Imports nothing from `pipelines`.
"""
