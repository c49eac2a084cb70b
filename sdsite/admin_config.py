"""Django's admin, with our own site in the place of its default one."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    default_site = "sdsite.admin_site.OperatorsSite"
