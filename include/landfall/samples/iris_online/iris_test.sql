-- Eleven flowers to classify. Their class is not read. May be run again: the rows then come once more, under new keys.
CREATE TABLE IF NOT EXISTS iris_test(id SERIAL NOT NULL PRIMARY KEY, sepal_length float, sepal_width float, petal_length float,
    petal_width float, iris_class int);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.4, 3.7, 1.5, 0.2, 0);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.4, 3.0, 4.5, 1.5, 1);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (4.4, 3.2, 1.3, 0.2, 0);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.6, 2.8, 4.9, 2.0, 2);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.0, 3.3, 1.4, 0.2, 0);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.4, 3.9, 1.7, 0.4, 0);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (6.2, 3.4, 5.4, 2.3, 2);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (6.0, 2.7, 5.1, 1.6, 1);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (7.2, 3.6, 6.1, 2.5, 2);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (6.1, 3.0, 4.6, 1.4, 1);
INSERT INTO iris_test(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (7.0, 3.2, 4.7, 1.4, 1);
