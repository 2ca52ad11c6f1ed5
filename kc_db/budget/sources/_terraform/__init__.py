"""A Terraform plan, part by part: how it is read, what refers to what, what services and databases say."""
