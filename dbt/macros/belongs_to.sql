{#- dbt's test `relationships`, which passes where none of the parents' streams was selected: what hangs on
    them is kept then, see is_known. -#}
{% test belongs_to(model, column_name, to, field, streams) %}
  {%- if asana_airbyte.has_any_table(streams) -%}
    {{ dbt.test_relationships(model, column_name, to, field) }}
  {%- else -%}
    select nothing from (select 1 as nothing) as no_table where 1 = 0
  {%- endif -%}
{% endtest %}
