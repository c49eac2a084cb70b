from django.urls import path

from generation.gallery import board_views, bulk_views, file_views, share_views, views

urlpatterns = [
    path("gallery/", views.gallery, name="gallery"),
    path("gallery/trash/", views.trash, name="trash"),
    path("gallery/compare/", views.compare, name="compare"),
    path("gallery/links/", share_views.share_list, name="shares"),
    path("gallery/links/<int:share_id>/revoke/", share_views.share_revoke, name="share_revoke"),
    path("gallery/boards/", board_views.board_list, name="boards"),
    path("gallery/boards/<int:board_id>/", board_views.board_detail, name="board"),
    path("gallery/boards/<int:board_id>/delete/", board_views.board_delete, name="board_delete"),
    path("gallery/selected/favourite/", bulk_views.favorite, name="selected_favourite"),
    path("gallery/selected/hang/", bulk_views.add_to_board, name="selected_hang"),
    path("gallery/selected/take-down/", bulk_views.remove_from_board, name="selected_take_down"),
    path("gallery/selected/delete/", bulk_views.delete, name="selected_delete"),
    path("gallery/selected/restore/", bulk_views.restore, name="selected_restore"),
    path("gallery/selected/remove/", bulk_views.remove, name="selected_remove"),
    path("gallery/selected/download/", bulk_views.download, name="selected_download"),
    path("gallery/selected/compare/", bulk_views.compare, name="selected_compare"),
    path("gallery/undo/", bulk_views.undo, name="undo_delete"),
    path("images/<uuid:image_id>/", views.image, name="image"),
    path("images/<uuid:image_id>/file.png", file_views.image_file, name="image_file"),
    path("images/<uuid:image_id>/file.jpeg", file_views.image_jpeg, name="image_jpeg"),
    path("images/<uuid:image_id>/file.webp", file_views.image_webp, name="image_webp"),
    path(
        "images/<uuid:image_id>/thumbnail.webp",
        file_views.image_thumbnail,
        name="image_thumbnail",
    ),
    path(
        "images/<uuid:image_id>/trashed.webp",
        file_views.trash_thumbnail,
        name="trash_thumbnail",
    ),
    path("images/<uuid:image_id>/download/", file_views.image_download, name="image_download"),
    path("images/<uuid:image_id>/share/", share_views.share_make, name="share_make"),
    path("s/<str:token>/", share_views.shared_image, name="share"),
    path("s/<str:token>/picture.png", share_views.shared_image_file, name="share_file"),
]
