{#- Columns of status updates -> their kinds, see newest. Those of projects, portfolios and goals differ in the name of
    the parent's id only. -#}
{% macro status_update_columns() %}
  {{ return({
    'gid': 'text',
    'parent_id': 'text',
    'title': 'text',
    'status_text': 'text',
    'status_type': 'text',
    'created_at': 'time',
    'modified_at': 'time',
    'created_by': 'json',
    'author': 'json',
    'num_likes': 'integer'
  }) }}
{% endmacro %}
