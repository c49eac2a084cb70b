"""Data folders outside of the folders that pytest closes to other users."""


def test_no_data_folder_is_within_pytests_own(empty_data_folder, tmp_path_factory):
    one, two = empty_data_folder(), empty_data_folder()

    assert one != two
    assert tmp_path_factory.getbasetemp() not in (*one.parents, *two.parents)
