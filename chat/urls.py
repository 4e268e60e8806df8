"""The chat's pages."""

from django.urls import path

from chat import views

urlpatterns = [
    path("", views.home, name="home"),
    path("rooms/", views.browse, name="browse"),
    path("rooms/<slug:slug>/", views.room, name="room"),
    path("people/", views.people, name="people"),
    path("people/search", views.people_search, name="people_search"),
    path("people/<int:user_id>/message/", views.message_person, name="message_person"),
    path("search", views.search, name="search"),
]
