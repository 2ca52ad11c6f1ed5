"""The pool budget: does everything that connects to a database fit what its server grants?"""
