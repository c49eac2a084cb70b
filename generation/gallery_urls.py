from django.urls import path

from generation import board_views, gallery_views, selection_views, share_views

urlpatterns = [
    path("gallery/", gallery_views.gallery, name="gallery"),
    path("gallery/trash/", gallery_views.trash, name="trash"),
    path("gallery/compare/", gallery_views.compare, name="compare"),
    path("gallery/links/", share_views.shares, name="shares"),
    path("gallery/links/<int:share_id>/revoke/", share_views.share_revoke, name="share_revoke"),
    path("gallery/boards/", board_views.boards, name="boards"),
    path("gallery/boards/<int:board_id>/", board_views.board, name="board"),
    path("gallery/boards/<int:board_id>/delete/", board_views.board_delete, name="board_delete"),
    path("gallery/selected/favourite/", selection_views.favourite, name="selected_favourite"),
    path("gallery/selected/hang/", selection_views.hang, name="selected_hang"),
    path("gallery/selected/take-down/", selection_views.take_down, name="selected_take_down"),
    path("gallery/selected/delete/", selection_views.delete, name="selected_delete"),
    path("gallery/selected/restore/", selection_views.restore, name="selected_restore"),
    path("gallery/selected/remove/", selection_views.remove, name="selected_remove"),
    path("gallery/selected/download/", selection_views.download, name="selected_download"),
    path("gallery/selected/compare/", selection_views.compare, name="selected_compare"),
    path("gallery/undo/", selection_views.undo, name="undo_delete"),
    path("images/<uuid:image_id>/", gallery_views.image, name="image"),
    path("images/<uuid:image_id>/file.png", gallery_views.image_file, name="image_file"),
    path(
        "images/<uuid:image_id>/thumbnail.webp",
        gallery_views.image_thumbnail,
        name="image_thumbnail",
    ),
    path(
        "images/<uuid:image_id>/trashed.webp",
        gallery_views.trash_thumbnail,
        name="trash_thumbnail",
    ),
    path("images/<uuid:image_id>/download/", gallery_views.image_download, name="image_download"),
    path("images/<uuid:image_id>/share/", share_views.share_make, name="share_make"),
    path("s/<str:token>/", share_views.share, name="share"),
    path("s/<str:token>/picture.png", share_views.share_file, name="share_file"),
]
