"""Types of Terraform resources: which are machines, which say of machines what and how many, and which are not read."""

from __future__ import annotations

GROUP_TYPES = frozenset(
    {
        "aws_instance", "aws_spot_instance_request", "aws_autoscaling_group", "aws_eks_node_group",
        "google_compute_instance", "google_compute_instance_group_manager", "google_compute_region_instance_group_manager",
        "google_container_node_pool", "google_container_cluster",
        "azurerm_kubernetes_cluster", "azurerm_kubernetes_cluster_node_pool", "azurerm_linux_virtual_machine",
        "azurerm_linux_virtual_machine_scale_set", "azurerm_orchestrated_virtual_machine_scale_set",
    }
)  # fmt: skip
"""Resources that are machines."""
OTHER_TYPES = frozenset(
    {
        "aws_launch_template", "aws_launch_configuration", "aws_autoscaling_policy", "aws_autoscaling_schedule",
        "google_compute_instance_template", "google_compute_region_instance_template", "google_compute_autoscaler",
        "google_compute_region_autoscaler", "azurerm_monitor_autoscale_setting",
    }
)  # fmt: skip
"""Resources that say of machines which and how many."""

UNREAD_TYPES = frozenset(
    {
        "aws_batch_compute_environment", "aws_ec2_fleet", "aws_sagemaker_endpoint_configuration",
        "aws_sagemaker_notebook_instance", "aws_spot_fleet_request", "azurerm_container_app",
        "azurerm_machine_learning_compute_cluster", "azurerm_machine_learning_compute_instance", "azurerm_virtual_machine",
        "azurerm_windows_virtual_machine", "azurerm_windows_virtual_machine_scale_set", "google_cloud_run_v2_service",
        "google_compute_instance_from_template", "google_tpu_v2_vm", "google_vertex_ai_endpoint",
        "google_workbench_instance",
    }
)  # fmt: skip
"""Resources that may have GPUs and are not read."""
UNREAD_SERVERS = frozenset(
    {"kubernetes_deployment", "kubernetes_deployment_v1", "kubernetes_stateful_set", "kubernetes_stateful_set_v1", "kubernetes_manifest",
     "kubectl_manifest", "helm_release"}
)  # fmt: skip
"""Resources that may say what runs on machines, and are not read."""
