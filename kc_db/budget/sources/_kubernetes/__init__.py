"""Reads Kubernetes objects: what runs pods, what scales them, and what their containers are told."""
