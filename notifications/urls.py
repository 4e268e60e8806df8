from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("progress", views.progress, name="progress"),
    path("progress/history", views.history, name="history"),
    path("progress/vitals", views.vitals, name="vitals"),
    path("notifications/", views.inbox, name="inbox"),
    path("notifications/waiting", views.waiting, name="waiting"),
    path("notifications/older", views.older, name="older"),
]
