"""Infrastructure as code to stacks: Terraform plans and Kubernetes manifests."""
